<?php

declare(strict_types=1);

namespace App\Form;

use Symfony\Component\Form\AbstractType;
use Symfony\Component\Form\Extension\Core\Type\FileType;
use Symfony\Component\Form\Extension\Core\Type\TextareaType;
use Symfony\Component\Form\Extension\Core\Type\TextType;
use Symfony\Component\Form\FormBuilderInterface;
use Symfony\Component\Validator\Constraints\Image;
use Symfony\Component\Validator\Constraints\Length;

final class NoteType extends AbstractType
{
    public function buildForm(FormBuilderInterface $builder, array $options): void
    {
        $builder
            ->add('title', TextType::class, [
                'required' => false,
                'empty_data' => '',
                'constraints' => [new Length(min: 3, minMessage: 'The title is too short')],
            ])
            ->add('text', TextareaType::class, ['required' => false, 'empty_data' => ''])
            ->add('picture', FileType::class, [
                'required' => false,
                'constraints' => [new Image(mimeTypes: ['image/png'], mimeTypesMessage: 'The picture is no picture')],
            ]);
    }
}
