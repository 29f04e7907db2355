<?php

declare(strict_types=1);

namespace App\Controller;

use App\Form\NoteType;
use App\Notes;
use Symfony\Bundle\FrameworkBundle\Controller\AbstractController;
use Symfony\Component\HttpFoundation\BinaryFileResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;

final class NoteController extends AbstractController
{
    public function __construct(private Notes $notes)
    {
    }

    public function notes(Request $request): Response
    {
        $form = $this->createForm(NoteType::class);
        $form->handleRequest($request);
        if ($form->isSubmitted() && $form->isValid()) {
            ['title' => $title, 'text' => $text, 'picture' => $picture] = $form->getData();
            $id = $this->notes->add($title, $text);
            $picture?->move($this->notes->pictures(), "$id.png");
            $this->addFlash('notice', "Saved: $title");
            return $this->redirectToRoute('notes', status: 303);
        }
        return $this->renderForm('notes.html.twig', ['form' => $form, 'notes' => $this->notes->all()]);
    }

    public function picture(int $id): Response
    {
        $file = $this->notes->pictures() . "/$id.png";
        return is_file($file) ? new BinaryFileResponse($file) : throw $this->createNotFoundException();
    }
}
